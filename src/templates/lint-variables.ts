import { CHANNELS, type Channel } from '../providers/contract.ts';
import type { Definition, LocaleContent } from './definition.ts';
import { error, type Finding, warning } from './finding.ts';
import { putIntoLayout, textsIn, textsOf } from './fragments.ts';
import { type FragmentTexts, readNames } from './liquid.ts';
import { schemaOf } from './variable-schema.ts';

/** What every template may name besides its variables. */
const ALWAYS = new Set(['user', 'preferences_url', 'unsubscribe_url']);

/** Variables that are named and not declared, declared and not named, or personal and in a push message. Pure. */
export function lintVariables(definition: Definition): Finding[] {
  const { properties = {}, additionalProperties = true } = schemaOf(definition.variables);
  const fragments = textsOf(definition.fragments);
  const findings: Finding[] = [];
  const used = new Set<string>();
  const unknown = additionalProperties ? warning : error;
  for (const { channel, field, text } of placesOf(definition, fragments)) {
    for (const name of new Set(readNames(text, fragments))) {
      if (properties[name]?.personal && channel === 'push')
        findings.push(
          error('push.personal', field, `shows the personal variable "${name}" in a push message`),
        );
      if (!used.has(name) && !ALWAYS.has(name) && !Object.hasOwn(properties, name))
        findings.push(
          unknown('variable.unknown', field, `names the variable "${name}", which is not declared`),
        );
      used.add(name);
    }
  }
  for (const name of Object.keys(properties)) {
    if (!used.has(name))
      findings.push(warning('variable.unused', '/variables', `declares "${name}", which no text names`));
  }
  return findings;
}

function placesOf(
  { channels }: Definition,
  fragments: FragmentTexts,
): { channel: Channel; field: string; text: string }[] {
  return CHANNELS.flatMap((channel) =>
    Object.entries(channels[channel] ?? {}).flatMap(([locale, source]) => {
      const content: LocaleContent = putIntoLayout(source, fragments, () => {});
      return Object.entries(content).flatMap(([name, value]) =>
        textsIn(value).map((text) => ({ channel, field: `/channels/${channel}/${locale}/${name}`, text })),
      );
    }),
  );
}
