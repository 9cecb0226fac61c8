export { createHttpTransport } from './http.ts';
export { createHttp2Transport } from './http2.ts';
export { createSmtpTransport } from './smtp.ts';
export type { HttpTransport, SendOptions, Sent, SmtpTransport } from './transport.ts';
