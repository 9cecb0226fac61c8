export { registerOtpRoutes } from './routes.ts';
export { tellOtp } from './tell-otp.ts';
export { tidyOtps } from './tidy.ts';
export type { OtpEvent, OtpTools } from './tools.ts';
