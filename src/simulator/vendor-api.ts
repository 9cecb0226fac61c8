import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { HttpProvider, HttpResponse, Outcome, Provider } from '../providers/contract.ts';
import {
  type Breakdown,
  behavioursOf,
  drawBehaviour,
  drawDelayMs,
  type FaultBoard,
  isBreakdown,
} from './faults.ts';
import type { Random } from './fresh-id.ts';
import { type HttpAnswer, prepareAnswer } from './http-answer.ts';
import type { Mailbox } from './mailbox.ts';
import { PREVIEW_HEADER, parsePreview } from './preview.ts';
import { describeRequest } from './raw-request.ts';
import { findWish } from './wish.ts';

/** What the endpoints of all protocols work with. */
export interface Stage {
  providers: Provider[];
  mailbox: Mailbox;
  faults: FaultBoard;
  random: Random;
  clock: Clock;
  logger: Logger;
  /** Aborted when the simulator closes. */
  signal: AbortSignal;
}

export interface VendorRequest {
  method: string;
  /** `/{providerId}/{the vendor's own path}`. */
  url: string;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

/** What becomes of a request: an answer, or a breakdown (a cut answer needs one to break off). */
export interface VendorReply {
  response: HttpResponse;
  breakdown: Breakdown | null;
  delayMs: number;
}

interface Vendor {
  provider: HttpProvider;
  answers: Map<string, HttpAnswer>;
  behaviours: Set<string>;
}

/** Decides how each vendor answers, and puts what it received into the mailbox. */
export class VendorApi {
  readonly #stage: Stage;
  readonly #vendors: Map<string, Vendor>;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#vendors = new Map(
      stage.providers.flatMap((provider) =>
        provider.transport === 'http' || provider.transport === 'http2'
          ? [[provider.id, prepareVendor(provider)]]
          : [],
      ),
    );
  }

  reply(request: VendorRequest): VendorReply {
    const { faults, random } = this.#stage;
    const vendor = this.#vendors.get(request.url.split(/[/?]/, 2)[1] ?? '');
    if (!vendor) return { response: NO_SUCH_PROVIDER, breakdown: null, delayMs: 0 };
    const settings = faults.of(vendor.provider.id);
    const delayMs = drawDelayMs(settings, random);
    if (request.headers['x-bellhop-purpose'] === 'token') {
      return { response: vendor.provider.tokenExample ?? NO_TOKEN, breakdown: null, delayMs };
    }
    const previewHeader = String(request.headers[PREVIEW_HEADER] ?? '');
    const previewText = Buffer.from(previewHeader, 'base64url');
    const wish = findWish([request.url, request.body, previewText], vendor.behaviours);
    const name = wish ?? drawBehaviour(settings.mix, vendor.behaviours, random);
    const breakdown = isBreakdown(name) ? name : null;
    const answer = vendor.answers.get(breakdown ? 'accepted' : name)!;
    this.#record(vendor.provider, request, previewHeader, { name, kind: breakdown ? 'fault' : answer.kind });
    return { response: answer.render(random), breakdown, delayMs };
  }

  #record(
    provider: HttpProvider,
    request: VendorRequest,
    previewHeader: string,
    answered: { name: string; kind: Outcome['kind'] | 'fault' },
  ): void {
    const preview = parsePreview(previewHeader);
    this.#stage.mailbox.add({
      at: this.#stage.clock.now(),
      answered: answered.name,
      kind: answered.kind,
      ...UNKNOWN_SENDER,
      channel: provider.channel,
      ...preview,
      provider: provider.id,
      raw: describeRequest(request),
    });
    this.#stage.logger.debug({ provider: provider.id, example: answered.name }, 'simulated a request');
  }
}

/** The fields of a message that only our own sender fills. */
export const UNKNOWN_SENDER = {
  tenant: null,
  userId: null,
  notificationId: null,
  deliveryId: null,
  platform: null,
  recipient: '',
  content: {},
};

function prepareVendor(provider: HttpProvider): Vendor {
  const answers = Object.entries(provider.examples).map(
    ([name, example]) => [name, prepareAnswer(example)] as const,
  );
  return { provider, answers: new Map(answers), behaviours: behavioursOf(provider) };
}

const NO_SUCH_PROVIDER = notFound('The path of the simulator begins with the id of an HTTP provider.');
const NO_TOKEN = notFound('This provider has no token to fetch.');

function notFound(detail: string): HttpResponse {
  return {
    status: 404,
    headers: { 'content-type': 'application/problem+json' },
    body: JSON.stringify({ title: 'Not found', status: 404, detail }),
  };
}
