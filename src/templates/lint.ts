import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FieldProblem } from '../http/index.ts';
import { measureSms, type SmsSize } from '../lib/sms-segments.ts';
import { CHANNELS, type Channel, type Content, type Platform } from '../providers/contract.ts';
import { type CompiledTemplate, compileTemplate, type TemplateUser } from './compile.ts';
import type { Definition } from './definition.ts';
import { error, type Finding, warning } from './finding.ts';
import { lintEmailHtml, lintUrl } from './lint-email.ts';
import { lintVariables } from './lint-variables.ts';
import { defaultsOf, pickLocale } from './locale.ts';
import { measurePush, type PushSize, reachedPlatforms } from './push-size.ts';
import { sampleOf } from './sample.ts';

export interface LintOptions {
  /** In place of the examples, defaults and types of the declarations. */
  variables?: Record<string, unknown>;
  user?: Partial<TemplateUser>;
  /** It is for a category that people may refuse. */
  marketing?: boolean;
}

export interface LintReport {
  findings: Finding[];
  sms: (SmsSize & { locale: string })[];
  push: (PushSize & { locale: string })[];
}

/** What a version is rendered with, over and over. */
interface Trial {
  template: CompiledTemplate;
  variables: Record<string, unknown>;
  user: TemplateUser;
  options: LintOptions;
}

// More than this is said once the first ones are in order.
const MAX_RENDERS = 400;
const BUDGET_MS = 3_000;
const MAX_FINDINGS = 200;
const LONG_SMS_SEGMENTS = 3;
/** What is advised; services must take 4,096 (RFC 8030, 7.2). */
const SMALL_WEB_PUSH_BYTES = 2_048;

/**
 * Reads and tries out a whole version. Gives way between messages, so other requests do not wait for it, and ends after
 * a while, however dear the messages are. `nowMs` measures that while and has any origin.
 */
export async function lintTemplate(
  definition: Definition,
  options: LintOptions = {},
  nowMs: () => number = () => performance.now(),
): Promise<LintReport> {
  const report: LintReport = {
    findings: [...lintVariables(definition), ...lintLocales(definition)],
    sms: [],
    push: [],
  };
  const trial = prepare(definition, options);
  const refused = trial.template.checkVariables(trial.variables);
  if (refused) report.findings.push(refusedSample(refused, options));
  let spentMs = 0;
  for (const [i, place] of (refused ? [] : placesOf(definition)).entries()) {
    if (i === MAX_RENDERS || spentMs > BUDGET_MS) {
      report.findings.push(
        warning('lint.incomplete', '/channels', `has too much to look at: ${i} messages were`),
      );
      break;
    }
    const startedAt = nowMs();
    tryOut(trial, place, report);
    spentMs += nowMs() - startedAt;
    await nextTurn();
  }
  return { ...report, findings: distinct(report.findings) };
}

interface Place {
  channel: Channel;
  locale: string;
  platform: Platform | undefined;
}

function placesOf({ channels }: Definition): Place[] {
  return CHANNELS.flatMap((channel) =>
    Object.keys(channels[channel] ?? {}).flatMap((locale) =>
      (channel === 'push' ? reachedPlatforms() : [undefined]).map((platform) => ({
        channel,
        locale,
        platform,
      })),
    ),
  );
}

/** Invented values may not fit what a declaration says; those of the caller must. */
function refusedSample({ field, rule }: FieldProblem, options: LintOptions): Finding {
  return options.variables
    ? error('variable.invalid', `/variables${field}`, rule)
    : warning('variable.sample', `/variables${field}`, `needs an example to be tried out with: ${rule}`);
}

function prepare(definition: Definition, options: LintOptions): Trial {
  const variables = { ...sampleOf(definition.variables), ...options.variables };
  const user = { id: 'sample', attributes: {}, ...options.user };
  return { template: compileTemplate('lint', 0, definition), variables, user, options };
}

function tryOut({ template, variables, user, options }: Trial, place: Place, report: LintReport): void {
  const { channel, locale, platform } = place;
  let offersRefusal = false;
  const link = () => {
    offersRefusal = true;
    return 'https://example.com/preferences';
  };
  const made = { preferences_url: link, unsubscribe_url: link };
  const rendered = template.render(channel, { locale, platform, variables, user, made });
  const field = `/channels/${channel}/${locale}`;
  if ('problem' in rendered) {
    // Invented values may well make a text empty; what the caller gave is meant.
    const found = options.variables ? error : warning;
    if (!/ is personal and must not /.test(rendered.problem))
      report.findings.push(found('render.failed', field, rendered.problem.replace(field, '').trim()));
    return;
  }
  const { content } = rendered;
  report.findings.push(...lintLinks(content, field));
  if (channel === 'push') lintPush(content, { locale, platform: platform! }, report);
  if (channel === 'sms') lintSms(content.body ?? '', locale, report);
  if (content.html !== undefined) report.findings.push(...lintEmailHtml(content.html, `${field}/html`));
  if (channel === 'email' && options.marketing && !offersRefusal)
    report.findings.push(
      warning(
        'email.unsubscribe',
        field,
        'has no visible link to unsubscribe ({{ unsubscribe_url }} or {{ preferences_url }})',
      ),
    );
}

function lintLinks(content: Content, field: string): Finding[] {
  const urls = [content.url, content.image, content.icon, ...(content.actions ?? []).map(({ url }) => url)];
  return urls.flatMap((url) => (url === undefined ? [] : lintUrl(url, field)));
}

function lintPush(content: Content, at: { locale: string; platform: Platform }, report: LintReport): void {
  const { locale, platform } = at;
  const field = `/channels/push/${locale}`;
  for (const size of measurePush(content, platform)) {
    const { provider, bytes, limitBytes } = size;
    report.push.push({ ...size, locale });
    if (bytes > limitBytes)
      report.findings.push(
        error('push.too_large', field, `has ${bytes} bytes on ${platform}: ${provider} takes ${limitBytes}`),
      );
    else if (platform === 'web' && bytes > SMALL_WEB_PUSH_BYTES)
      report.findings.push(
        warning(
          'push.large',
          field,
          `has ${bytes} bytes on web, where at most ${SMALL_WEB_PUSH_BYTES} are advised`,
        ),
      );
  }
}

function lintSms(body: string, locale: string, report: LintReport): void {
  const field = `/channels/sms/${locale}/body`;
  const size = measureSms(body);
  report.sms.push({ ...size, locale });
  const { segments, foreign } = size;
  const plain =
    foreign.length === 0
      ? size
      : measureSms([...body].map((each) => (foreign.includes(each) ? '?' : each)).join(''));
  if (plain.segments < segments)
    report.findings.push(
      warning(
        'sms.unicode',
        field,
        `costs ${segments} messages and would cost ${plain.segments} without ${foreign.slice(0, 10).join(' ')}`,
      ),
    );
  if (segments > LONG_SMS_SEGMENTS)
    report.findings.push(warning('sms.long', field, `costs ${segments} messages`));
}

/** Languages that one channel speaks and another does not, not even in a related form. */
function lintLocales(definition: Definition): Finding[] {
  const { channels } = definition;
  const all = new Set(CHANNELS.flatMap((channel) => Object.keys(channels[channel] ?? {})));
  return CHANNELS.flatMap((channel): Finding[] => {
    const locales = channels[channel];
    if (!locales) return [];
    return [...all].flatMap((locale) => {
      const picked = pickLocale(locales, locale, ...defaultsOf(definition));
      return locale.split('-')[0] === picked.split('-')[0]
        ? []
        : [
            warning(
              'locale.missing',
              `/channels/${channel}`,
              `has no "${locale}", which other channels have`,
            ),
          ];
    });
  });
}

function distinct(findings: Finding[]): Finding[] {
  const seen = new Map(findings.map((each) => [`${each.code} ${each.field} ${each.message}`, each]));
  // Errors first: when there are many, they are what must be seen.
  return [...seen.values()].sort((a, b) => a.level.localeCompare(b.level)).slice(0, MAX_FINDINGS);
}
