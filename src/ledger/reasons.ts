/** Of what a digest carried; the code is the id of that notification. */
export const DIGESTED = 'digested';

/** Why a channel of a notification reached nobody, in a sentence for people; by the reason on record. */
const SENTENCES: Record<string, string> = {
  user_unknown: 'The tenant has no user with this id.',
  contact_missing: 'The user has no contact or active device for this channel.',
  contact_suppressed: 'The address is on the suppression list.',
  contact_inactive: 'The contact was found to be dead.',
  connection_missing: 'The tenant has no connection for this channel that could reach the user.',
  country_not_served: "No connection serves the country of the user's phone number.",
  content_missing: 'The template has no content for this channel.',
  content_problem: 'The content could not be made.',
  opted_out: 'The user does not want this category on this channel.',
  not_opted_in: 'The category goes only to users who said yes and confirmed it, and the user has not.',
  off_by_default: 'The category is off on this channel for users who said nothing.',
  quiet_hours: 'The user is to be left in peace, and the category does not wait.',
  capped: 'All places of a cap or a quota were taken.',
  [DIGESTED]: 'It was part of a digest, which another notification carried.',
  expired: 'It would have come too late.',
  ladder_stopped: 'What its ladder goes on until had happened.',
  cancelled: 'It was cancelled before it was sent.',
  device_inactive: 'The device became inactive before it was sent.',
  hook_dropped: 'A hook decided against it.',
};

/** Undefined for reasons that come from vendors and speak for themselves. */
export function explainReason(reason: string | null, detail?: string | null): string | undefined {
  const sentence = reason === null ? undefined : SENTENCES[reason];
  return sentence && detail ? `${sentence.slice(0, -1)}: ${detail}.` : sentence;
}
