import type { VendorTemplate } from '../../contract.ts';

type Json = Record<string, unknown>;
type Parameter = readonly [name: string, value: string];

/**
 * An approved template with its parameters (https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-message-templates),
 * whose names say where they go: `1`, `2` … the places of the body by number; `header` a text, or an image when it is an
 * address; `header.image`, `header.video` and `header.document` an address; `button.0` the end of a button's address (or the
 * code of an authentication template); `button.0.quick_reply` what a tap sends back. Every other name is a place of the body
 * that has this name, `header.<name>` one of the header.
 */
export function buildTemplate({ id, language, parameters }: VendorTemplate, defaultLanguage: string): Json {
  const all = Object.entries(parameters);
  const components = [...headerOf(all), ...bodyOf(all), ...buttonsOf(all)];
  return {
    name: id,
    language: { code: language ?? defaultLanguage },
    ...(components.length > 0 && { components }),
  };
}

function headerOf(all: Parameter[]): Json[] {
  const parameters = all.flatMap(([name, value]) => {
    if (name === 'header') return [/^https?:\/\//.test(value) ? media('image', value) : text(value)];
    if (!name.startsWith('header.')) return [];
    const place = name.slice('header.'.length);
    return [/^(image|video|document)$/.test(place) ? media(place, value) : text(value, place)];
  });
  return parameters.length > 0 ? [{ type: 'header', parameters }] : [];
}

function bodyOf(all: Parameter[]): Json[] {
  const own = all.filter(([name]) => !/^(header|button)(\.|$)/.test(name));
  const numbered = own.filter(([name]) => /^\d+$/.test(name)).sort(([a], [b]) => Number(a) - Number(b));
  const named = own.filter(([name]) => !/^\d+$/.test(name));
  const parameters = [
    ...numbered.map(([, value]) => text(value)),
    ...named.map(([name, value]) => text(value, name)),
  ];
  return parameters.length > 0 ? [{ type: 'body', parameters }] : [];
}

function buttonsOf(all: Parameter[]): Json[] {
  return all.flatMap(([name, value]) => {
    const [, index, kind] = /^button\.(\d)(\.quick_reply)?$/.exec(name) ?? [];
    if (index === undefined) return [];
    return kind
      ? [
          {
            type: 'button',
            sub_type: 'quick_reply',
            index,
            parameters: [{ type: 'payload', payload: value }],
          },
        ]
      : [{ type: 'button', sub_type: 'url', index, parameters: [text(value)] }];
  });
}

/** WhatsApp refuses line breaks, tabs and more than four spaces in a row. */
function text(value: string, name?: string): Json {
  const line = value.replace(/[\r\n\t]+/g, ' ').replace(/ {5,}/g, '    ');
  return { type: 'text', ...(name !== undefined && { parameter_name: name }), text: line };
}

function media(kind: string, link: string): Json {
  return { type: kind, [kind]: { link } };
}
