import { Type } from 'typebox';
import type { Static } from '../http/index.ts';

/** Beside what the message says: for whom it fills in the code by itself. */
export interface Autofill {
  /** The web site (WebOTP, Safari): `example.com`. */
  domain?: string;
  /** The Android app (SMS Retriever): eleven characters of its certificate's hash. */
  appHash?: string;
}

export const Domain = Type.String({
  pattern: '^(?=.{1,60}$)([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]([a-z0-9-]*[a-z0-9])?$',
  description: 'Of the https page that asks for the code: it is offered there (WebOTP)',
});
export const AppHash = Type.String({
  pattern: '^[A-Za-z0-9+/]{11}$',
  description: 'Of the Android app that reads the code by itself (SMS Retriever)',
});
export type Domain = Static<typeof Domain>;

interface Words {
  /** The code early, for lock screens; no link. */
  body: string;
  /** Stands for `{for}` when there is a brand. */
  for: string;
  subject: string;
}

// Where the language can be written so, in the letters of GSM 7-bit: one á, í, ó, ú, ê, ã or ç would halve the room.
const TEXTS: Record<string, Words> = {
  en: {
    body: '{code} is your code{for}. Valid for {minutes} min. Do not share it.',
    for: ' for {brand}',
    subject: 'Your code{for}',
  },
  de: {
    body: '{code} ist Ihr Code{for}. {minutes} Min. gültig. Bitte nicht weitergeben.',
    for: ' für {brand}',
    subject: 'Ihr Code{for}',
  },
  fr: {
    body: '{code} est votre code{for}. Valable {minutes} min. Ne le partagez pas.',
    for: ' pour {brand}',
    subject: 'Votre code{for}',
  },
  es: {
    body: '{code} es su clave{for}. Vale {minutes} min. No la comparta.',
    for: ' para {brand}',
    subject: 'Su clave{for}',
  },
  'pt-BR': {
    body: '{code} é sua senha{for}. Vale por {minutes} min. Mantenha em segredo.',
    for: ' para {brand}',
    subject: 'Sua senha{for}',
  },
  'zh-CN': {
    body: '{code} 是您的{for}验证码，{minutes} 分钟内有效，请勿告诉他人。',
    for: '{brand} ',
    subject: '您的{for}验证码',
  },
  ja: {
    body: '{code} は{for}確認コードです。{minutes}分間有効。他人に教えないでください。',
    for: '{brand}の',
    subject: '{for}確認コード',
  },
};
export const LOCALES = Object.keys(TEXTS);

/** The built-in texts of a language: `de-AT` gets German, what is not known English. Pure. */
function wordsFor(locale: string | null | undefined): Words {
  const wanted = (locale ?? 'en').toLowerCase();
  const language = wanted.split('-', 1)[0]!;
  const found =
    LOCALES.find((name) => name.toLowerCase() === wanted) ??
    LOCALES.find((name) => name.toLowerCase().split('-', 1)[0] === language);
  return TEXTS[found ?? 'en']!;
}

export interface Wording extends Autofill {
  locale?: string | null;
  /** Or its mark. */
  code: string;
  minutes: number;
  brand: string | null;
}

/** What is said on all channels. Pure. */
export function sayCode({ locale, code, minutes, brand, ...autofill }: Wording): {
  body: string;
  sms: { body: string };
  subject: string;
} {
  const words = wordsFor(locale);
  // In one pass: what replaces a place is not looked at again, whatever a brand has in it.
  const values: Record<string, string> = {
    for: brand === null ? '' : words.for.replace('{brand}', () => brand),
    code,
    minutes: String(minutes),
  };
  const fill = (text: string) => text.replace(/\{(for|code|minutes)\}/g, (_, name: string) => values[name]!);
  const body = fill(words.body);
  const lines = autofillLines(code, autofill);
  return { body, sms: { body: lines ? `${body}\n\n${lines}` : body }, subject: fill(words.subject) };
}

/**
 * The lines by which browsers and Android find the code. The web's has to be the last one, and begin it
 * (https://wicg.github.io/sms-one-time-codes/#parsing); Android finds its own anywhere in up to 140 bytes
 * (https://developers.google.com/identity/sms-retriever/verify).
 */
export function autofillLines(code: string, { domain, appHash }: Autofill): string {
  return [...(appHash ? [appHash] : []), ...(domain ? [`@${domain} #${code}`] : [])].join('\n');
}
