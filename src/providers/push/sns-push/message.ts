import type { Message, Platform, RequestContext } from '../../contract.ts';
import { buildPublishForm, setPassthrough } from '../../wire/sns-publish.ts';
import { buildHeaders, buildPayload } from '../apns/message.ts';
import { buildMessage } from '../fcm/message.ts';

/** The vendors behind AWS whose payload is ours to write; on others (ADM, Baidu, WNS) the text alone arrives. */
type Vendor = 'APNS' | 'APNS_SANDBOX' | 'MACOS' | 'MACOS_SANDBOX' | 'GCM';
const APPLE: readonly string[] = ['APNS', 'APNS_SANDBOX', 'MACOS', 'MACOS_SANDBOX'] satisfies Vendor[];
const BY_PLATFORM: Partial<Record<Platform, Vendor>> = { ios: 'APNS', macos: 'MACOS', android: 'GCM' };

/** https://docs.aws.amazon.com/sns/latest/dg/sns-send-custom-platform-specific-payloads-mobile-devices.html */
export function buildForm(message: Message, context: RequestContext): URLSearchParams {
  const { recipient, content, expiresAt } = message;
  const vendor = vendorOf(message);
  const text = content.body ?? content.title ?? '';
  const isWrapped = vendor === 'GCM' || APPLE.includes(vendor);
  const messages = {
    // Demanded, and used by no vendor that has a payload of its own.
    default: isWrapped ? '-' : text,
    ...(isWrapped && { [vendor]: JSON.stringify(wrap(vendor, message, context)) }),
  };
  const ttl = expiresAt === undefined ? undefined : Math.max(0, Math.floor((expiresAt - context.now) / 1000));
  const form = buildPublishForm(
    { TargetArn: recipient.address, MessageStructure: 'json', Message: JSON.stringify(messages) },
    [
      ...(APPLE.includes(vendor) ? appleAttributes(message, context) : []),
      // AWS subtracts what time the message spends there: https://docs.aws.amazon.com/sns/latest/dg/sns-ttl.html
      [`AWS.SNS.MOBILE.${vendor === 'GCM' ? 'FCM' : vendor}.TTL`, ttl === undefined ? undefined : `${ttl}`],
    ],
  );
  setPassthrough(form, content.passthrough?.['sns-push']);
  return form;
}

/** The name of an endpoint tells whose it is: `arn:aws:sns:{region}:{account}:endpoint/{vendor}/{app}/{id}`. */
function vendorOf({ recipient }: Message): string {
  const named = /:endpoint\/([A-Z_]{1,32})\//.exec(recipient.address)?.[1];
  return named ?? BY_PLATFORM[recipient.platform ?? 'ios'] ?? 'APNS';
}

function wrap(vendor: string, message: Message, context: RequestContext): object {
  if (vendor !== 'GCM') return buildPayload(message);
  const { token: _token, ...rest } = buildMessage(message, context);
  return { fcmV1Message: { message: rest } };
}

/** https://docs.aws.amazon.com/sns/latest/dg/sns-msg-attributes.html */
function appleAttributes(message: Message, context: RequestContext): [string, string | undefined][] {
  const headers = buildHeaders(message, context);
  return [
    ['AWS.SNS.MOBILE.APNS.PUSH_TYPE', headers['apns-push-type']],
    ['AWS.SNS.MOBILE.APNS.PRIORITY', headers['apns-priority']],
    ['AWS.SNS.MOBILE.APNS.COLLAPSE_ID', headers['apns-collapse-id']],
  ];
}
