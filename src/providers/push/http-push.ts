import { defineDescribedProvider } from '../described/provider.ts';

/** Any vendor that has no file of its own: each connection describes its API. See docs/http-provider.md. */
export default defineDescribedProvider('http-push', 'push', {
  name: 'HTTP (push)',
  reaches: 'device',
  platforms: ['ios', 'android', 'macos'],
});
