import { defineDescribedProvider } from '../described/provider.ts';

/** Any vendor that has no file of its own: each connection describes its API. See docs/http-provider.md. */
export default defineDescribedProvider('http-sms', 'sms', {
  name: 'HTTP (text messages)',
  reaches: 'contact',
});
