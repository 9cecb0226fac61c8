import type { VendorTemplate, VendorTemplateState } from '../providers/index.ts';

/** The states in which a vendor delivers no message of a text. */
export type HeldState = Exclude<VendorTemplateState, 'approved'>;

/** What may not be sent now, by id and language; an empty language stands for all of them. */
export type HeldTemplates = { id: string; language: string; state: HeldState }[];

/** Why a vendor would not deliver this text; null for what it approved, and for what nobody has told about. Pure. */
export function heldState(held: HeldTemplates, { id, language = '' }: VendorTemplate): HeldState | null {
  const found = held.find((one) => one.id === id && (one.language === '' || one.language === language));
  return found?.state ?? null;
}
