import type { FieldProblem } from '../http/index.ts';
import { isCountry } from '../lib/phone-number.ts';

/** Which countries (ISO 3166-1 alpha-2) a connection serves: those in `allow`, or all but those in `deny`. */
export interface Countries {
  allow?: string[];
  deny?: string[];
}

/** What is wrong with the countries of a connection, naming the entries; nothing when all is well. */
export function checkCountries(countries: Countries | null, channel: string): FieldProblem[] {
  if (countries === null) return [];
  // Only a phone number tells its country.
  if (channel !== 'sms') return [{ field: '/countries', rule: 'applies to SMS only' }];
  if (countries.allow && countries.deny)
    return [{ field: '/countries', rule: 'takes `allow` or `deny`, not both' }];
  return (['allow', 'deny'] as const).flatMap((list) =>
    (countries[list] ?? []).flatMap((country, i) =>
      isCountry(country)
        ? []
        : [
            {
              field: `/countries/${list}/${i}`,
              rule: `must be the code of a country (ISO 3166-1, two capital letters), like "NG"`,
            },
          ],
    ),
  );
}
