import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkDefinition, compileTemplate } from './compile.ts';
import type { Definition } from './definition.ts';
import { renderInline } from './inline.ts';

const definition: Definition = {
  defaultLocale: 'en',
  variables: {},
  channels: {
    chat: {
      en: {
        body: 'Your parcel {{ number }} is here',
        vendorTemplates: {
          whatsapp: { id: 'parcel', language: 'en_US', parameters: { 1: '{{ number }}', 2: 'today' } },
        },
      },
    },
  },
};
const user = { id: 'ada', attributes: {} };

describe('a text that a vendor approved', () => {
  it('is named by the template, which fills in its places', () => {
    assert.deepEqual(checkDefinition(definition), []);
    const rendered = compileTemplate('parcel', 1, definition).render('chat', {
      variables: { number: '7' },
      user,
    });
    assert.deepEqual(rendered, {
      content: {
        body: 'Your parcel 7 is here',
        vendorTemplates: {
          whatsapp: { id: 'parcel', language: 'en_US', parameters: { 1: '7', 2: 'today' } },
        },
      },
    });
  });

  it('must be Liquid in every parameter', () => {
    const broken = structuredClone(definition);
    broken.channels.chat!.en!.vendorTemplates!.whatsapp!.parameters = { name: '{{ number' };
    assert.deepEqual(
      checkDefinition(broken).map(({ field }) => field),
      ['/channels/chat/en/vendorTemplates/whatsapp/parameters/name'],
    );
  });

  it('is named by an inline message for its channel only', () => {
    const vendorTemplates = { wechat: { id: 't1', parameters: { thing1: 'Parcel' } } };
    const message = { body: 'Parcel', chat: { vendorTemplates } };
    assert.deepEqual(renderInline(message, 'chat').vendorTemplates, vendorTemplates);
    assert.equal(renderInline(message, 'sms').vendorTemplates, undefined);
  });
});
