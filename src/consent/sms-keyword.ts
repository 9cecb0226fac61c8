/** What somebody who answers a text message with one word wants. */
export type SmsWish = 'stop' | 'start' | 'help';

/**
 * Words that carriers and laws know. English ones count everywhere, as carriers act on them everywhere: CTIA, Messaging
 * Principles and Best Practices, 5.1.3; 47 CFR 64.1200(a)(10); Twilio's defaults (START, YES, UNSTOP). The others count
 * in their countries only, where they are customary: the same letters may be an ordinary answer elsewhere.
 */
const EVERYWHERE: Record<SmsWish, string> = {
  stop: 'STOP STOPALL UNSUBSCRIBE CANCEL END QUIT REVOKE OPTOUT',
  start: 'START UNSTOP YES OPTIN',
  help: 'HELP INFO',
};
const BY_COUNTRY: Record<string, Partial<Record<SmsWish, string>>> = {
  AR: { stop: 'BAJA', start: 'ALTA', help: 'AYUDA' },
  AT: { stop: 'STOPP ABMELDEN', start: 'ANMELDEN', help: 'HILFE' },
  BE: { stop: 'ARRET AFMELDEN', start: 'AANMELDEN', help: 'AIDE' },
  BR: { stop: 'PARAR SAIR CANCELAR', start: 'VOLTAR', help: 'AJUDA' },
  CA: { stop: 'ARRET', start: 'DEBUT', help: 'AIDE' },
  CH: { stop: 'STOPP ABMELDEN ARRET', start: 'ANMELDEN', help: 'HILFE AIDE' },
  CN: { stop: 'TD T 退订', start: '订阅', help: '帮助' },
  DE: { stop: 'STOPP ABMELDEN', start: 'ANMELDEN', help: 'HILFE' },
  ES: { stop: 'BAJA', start: 'ALTA', help: 'AYUDA' },
  FR: { stop: 'ARRET', help: 'AIDE' },
  IT: { stop: 'FERMA CANCELLA', help: 'AIUTO' },
  JP: { stop: '停止 配信停止', start: '再開', help: 'ヘルプ' },
  MX: { stop: 'BAJA', start: 'ALTA', help: 'AYUDA' },
  NL: { stop: 'AFMELDEN', start: 'AANMELDEN' },
  PT: { stop: 'PARAR SAIR CANCELAR', start: 'VOLTAR', help: 'AJUDA' },
  TR: { stop: 'IPTAL RET', start: 'BASLA' },
};

const everywhere = toMap(EVERYWHERE);
const byCountry = new Map(Object.entries(BY_COUNTRY).map(([country, words]) => [country, toMap(words)]));

/**
 * What the answer to a text message asks for; null when it is anything else. The whole message counts, without regard to
 * case, blanks, punctuation and accents, so that "Please do not stop" stops nothing. `country` is where the sender's
 * number belongs (ISO 3166). `start` and `help` are no consent by themselves: "yes" may answer another question, so it may
 * only take back an earlier `stop`. Pure.
 */
export function readSmsWish(text: string, country: string | null): SmsWish | null {
  const word = normalize(text);
  return everywhere.get(word) ?? (country === null ? undefined : byCountry.get(country)?.get(word)) ?? null;
}

function normalize(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toUpperCase()
    .replace(/[^\p{L}\p{N}]/gu, '');
}

function toMap(words: Partial<Record<SmsWish, string>>): Map<string, SmsWish> {
  const wishes = Object.entries(words) as [SmsWish, string][];
  return new Map(wishes.flatMap(([wish, list]) => list.split(' ').map((word) => [normalize(word), wish])));
}
