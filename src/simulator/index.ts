export type { FaultSettings, Faults } from './faults.ts';
export type { Mailbox, SimulatedMessage } from './mailbox.ts';
export { createSimulator, type Simulator, type SimulatorOptions } from './simulator.ts';
