/** Whose OTPs and counts: those of test keys are kept apart. */
export interface Whose {
  tenantId: string;
  live: boolean;
}
