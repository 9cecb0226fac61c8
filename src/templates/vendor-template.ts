import { Type } from 'typebox';
import { Exact } from '../http/index.ts';

/** How a message names a text that a vendor keeps and approved (WeChat, WhatsApp), and what it puts into its places. */
export const VendorTemplates = Type.Record(
  Type.String({ pattern: '^[a-z][a-z0-9-]*$' }),
  Exact({
    id: Type.String({ minLength: 1, maxLength: 512, description: "The vendor's id or name of the text" }),
    language: Type.Optional(
      Type.String({ minLength: 2, maxLength: 16, description: 'As the vendor writes it, like `en_US`' }),
    ),
    parameters: Type.Record(Type.String({ maxLength: 100 }), Type.String({ maxLength: 4_000 }), {
      maxProperties: 50,
      description: 'What goes into the places of the text, by the names that the provider knows',
    }),
  }),
  {
    maxProperties: 20,
    description: 'By provider id: the text to use where the vendor delivers only what it approved before',
  },
);
