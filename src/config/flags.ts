/** A switch for something that works already: who gets it, live and test apart, by percentage. */
export interface Flag {
  description: string;
  /** For everybody without another value: 0 is off, 100 is on. */
  defaultPercentage: number;
}

/** Every feature flag of Bellhop, by name. Values: the tenant's own, else BELLHOP_FLAGS, else the default here. */
export const FLAGS = {
  failover: {
    description:
      'Another connection takes over at once when one can not be used; off, deliveries wait for it.',
    defaultPercentage: 100,
  },
  hooks: {
    description: "The tenant's hooks are called before and after sending; off, messages go without them.",
    defaultPercentage: 100,
  },
} as const satisfies Record<string, Flag>;

export type FlagName = keyof typeof FLAGS;
export const FLAG_NAMES = Object.keys(FLAGS) as FlagName[];
export const ENVIRONMENTS = ['live', 'test'] as const;
export type Environment = (typeof ENVIRONMENTS)[number];

/** A value for one environment. */
export interface FlagSetting {
  flag: FlagName;
  environment: Environment;
  /** From 0 to 100. */
  percentage: number;
}

const ENTRY = /^([a-z-]+)(?:@(live|test))?=(on|off|(\d{1,3}(?:\.\d{1,2})?)%)$/;

/** Reads `failover=on,hooks@test=off,hooks@live=25%`; without `@…` a value is for both environments. */
export function parseFlags(text: string): { values: FlagSetting[] } | { problem: string } {
  const values: FlagSetting[] = [];
  for (const entry of text.split(',').map((part) => part.trim())) {
    if (entry === '') continue;
    const match = ENTRY.exec(entry);
    if (!match) return { problem: `has "${entry}", which is not like name=on, name=off or name@live=25%` };
    const [, name, environment, word, number] = match;
    if (!FLAG_NAMES.includes(name as FlagName)) {
      return { problem: `has an unknown flag "${name}"; known are ${FLAG_NAMES.join(', ')}` };
    }
    const percentage = word === 'on' ? 100 : word === 'off' ? 0 : Number(number);
    if (percentage > 100) return { problem: `has "${entry}", which is more than 100%` };
    for (const each of environment ? [environment as Environment] : ENVIRONMENTS) {
      values.push({ flag: name as FlagName, environment: each, percentage });
    }
  }
  return { values };
}
