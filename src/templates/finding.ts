import { Type } from 'typebox';
import { OneOf, type Static } from '../http/index.ts';

/** Something to put right before (error) or at leisure (warning). */
export const Finding = Type.Object({
  level: OneOf(['error', 'warning'], { description: 'An error keeps the version from being published' }),
  /** What is wrong, for programs: `<subject>.<what>`. */
  code: Type.String(),
  field: Type.String({ description: 'JSON Pointer into the version' }),
  message: Type.String(),
});
export type Finding = Static<typeof Finding>;

export const warning = (code: string, field: string, message: string): Finding => ({
  level: 'warning',
  code,
  field,
  message,
});
export const error = (code: string, field: string, message: string): Finding => ({
  ...warning(code, field, message),
  level: 'error',
});
