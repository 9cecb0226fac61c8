export { parseContactAddress } from './contact-address.ts';
export { type Prune, pruneDevices } from './device-store.ts';
export { requireUserId } from './find-user.ts';
export { saveInternalUser } from './internal-user.ts';
export { parseProfile, parseTimezone } from './profile.ts';
export { findUserById } from './recipient-store.ts';
export {
  contactKind,
  isChatContact,
  loadRecipients,
  type RecipientContact,
  type RecipientDevice,
  type Recipients,
} from './recipients.ts';
export type { UserRoutesDeps } from './route-deps.ts';
export { registerUserRoutes } from './routes.ts';
export { UserPath } from './schema.ts';
export { deleteInternalUsers, moveContacts } from './store.ts';
export {
  type AddressOwner,
  listOptOuts,
  type Suppression,
  selectSuppressed,
  suppressContacts,
  takeBackOptOuts,
} from './suppression-store.ts';
export { saveTestRecipient } from './test-recipient.ts';
export { loadTimezones } from './timezones.ts';
