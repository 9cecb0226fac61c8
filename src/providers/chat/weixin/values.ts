import { truncate } from '../../../lib/text.ts';

/** Free text: what is cut is still what it was. */
const LONGEST_THING = 20;

/**
 * How long the values of each kind of place may be: the kind is in the name of the place (`thing1`, `character_string2`).
 * Names of other kinds (`keyword1` of older templates, `const`) are for the vendor to judge, and so are dates.
 * https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-message-management/subscribe-message/sendMessage.html
 */
const KINDS: Record<string, (value: string) => boolean> = {
  number: (value) => value.length <= 32,
  letter: (value) => value.length <= 32,
  symbol: (value) => value.length <= 5,
  character_string: (value) => value.length <= 32,
  // A sign of a currency, up to ten digits, maybe with decimals and 元 at the end.
  amount: (value) => (/\d+/.exec(value)?.[0].length ?? 0) <= 10 && value.length <= 20,
  phone_number: (value) => value.length <= 17,
  car_number: (value) => value.length <= 8,
  phrase: (value) => value.length <= 5,
  // Ten Chinese characters, or twenty of ASCII.
  name: (value) => value.length <= (/^[\x20-\x7e]*$/.test(value) ? 20 : 10),
};

function kindOf(name: string): string {
  return name.replace(/\d+$/, '');
}

/** The first parameter whose value its place can not hold and whose meaning would not survive a cut, or undefined. */
export function findMisfit(parameters: Record<string, string>): string | undefined {
  return Object.keys(parameters).find((name) => {
    const kind = kindOf(name);
    return Object.hasOwn(KINDS, kind) && !KINDS[kind]!(parameters[name]!);
  });
}

/** `data` of a message: the values by place, free text cut to what is let through. */
export function buildData(parameters: Record<string, string>): Record<string, { value: string }> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [
      name,
      { value: kindOf(name) === 'thing' ? shorten(value) : value },
    ]),
  );
}

function shorten(value: string): string {
  return value.length <= LONGEST_THING ? value : `${truncate(value, LONGEST_THING - 1)}…`;
}
