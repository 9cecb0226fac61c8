import type { FieldProblem } from '../http/index.ts';
import { unstorable } from '../lib/text.ts';
import { CHANNELS, type Channel, type Content, type Platform } from '../providers/contract.ts';
import { checkVariables } from './check-variables.ts';
import { type CompiledContent, compileContent } from './content.ts';
import { contentFor, type Definition, type LocaleContent, missingText } from './definition.ts';
import { textsOf } from './fragments.ts';
import { createScope, type FragmentTexts } from './liquid.ts';
import { checkLocale, defaultsOf, pickLocale } from './locale.ts';
import { compileVariables } from './variables.ts';

/** What a template may know of the user it is rendered for. */
export interface TemplateUser {
  /** The id the caller gave the user. */
  id: string;
  locale?: string | null;
  timezone?: string | null;
  attributes: Record<string, unknown>;
}

export interface RenderInput {
  /** Before the user's own locale. */
  locale?: string | null;
  /** Push only: where the message is shown. */
  platform?: Platform;
  variables: Record<string, unknown>;
  user: TemplateUser;
  /** Values that are made only when the template asks for them; the caller's own variables go before them. */
  made?: Record<string, () => string>;
}

/** One version of a template. Rendering is pure: the same input gives the same content. */
export interface CompiledTemplate {
  id: string;
  version: number;
  channels: Channel[];
  /** What is wrong with the variables that a caller gives: a JSON Pointer into them and a rule; null when nothing is. */
  checkVariables(given: Record<string, unknown>): FieldProblem | null;
  /** A problem is a text for the caller: a variable is missing, a limit was hit, a link is not allowed. */
  render(channel: Channel, input: RenderInput): { content: Content } | { problem: string };
}

/** Texts are parsed when a channel and locale are first rendered. */
export function compileTemplate(id: string, version: number, definition: Definition): CompiledTemplate {
  const { channels } = definition;
  const defaults = defaultsOf(definition);
  const declared = compileVariables(definition.variables);
  const compiled = new Map<string, CompiledContent>();
  const fragments = textsOf(definition.fragments);

  function contentAt(at: string, source: LocaleContent, channel: Channel): CompiledContent {
    const content = compiled.get(at) ?? compileContent(channel, source, fragments);
    compiled.set(at, content);
    return content;
  }

  return {
    id,
    version,
    channels: CHANNELS.filter((channel) => channels[channel] !== undefined),
    checkVariables(given) {
      const resolved = declared.resolve(given);
      return 'rule' in resolved ? resolved : null;
    },
    render(channel, { locale, platform, variables, user, made = {} }) {
      const locales = channels[channel];
      if (!locales) return { problem: `the template has no content for ${channel}` };
      const resolved = declared.resolve(variables);
      if ('rule' in resolved) return { problem: describeRefusal(resolved) };
      const values = channel === 'push' ? guardPersonal(resolved.values, declared.personal) : resolved.values;
      const picked = pickLocale(locales, locale ?? user.locale, ...defaults);
      const at = `/channels/${channel}/${picked}`;
      // A function among the values is called when the text names it; what callers send is JSON, so it holds none.
      const always = { ...made, user: knownOf(user) };
      const scope = createScope({ ...made, ...values, user: always.user }, always);
      const source = locales[picked]!;
      const own = platform && source.platforms?.[platform] ? `${at}/platforms/${platform}` : at;
      const rendered = contentAt(own, contentFor(source, platform), channel).render(scope);
      return 'problem' in rendered ? { problem: at + rendered.problem } : rendered;
    },
  };
}

function describeRefusal({ field, rule }: FieldProblem): string {
  return `the variable "${field.slice(1)}" ${rule}`;
}

/** A push message stands on locked screens and passes through other companies: what is personal stays out of it. */
function guardPersonal(
  values: Record<string, unknown>,
  personal: ReadonlySet<string>,
): Record<string, unknown> {
  if (personal.size === 0) return values;
  const refusals = [...personal].map((name) => [
    name,
    () => {
      throw new Error(`the variable "${name}" is personal and must not be in a push message`);
    },
  ]);
  return { ...values, ...Object.fromEntries(refusals) };
}

/** What a template sees: these four, whatever else the caller's object holds. */
function knownOf({ id, locale = null, timezone = null, attributes }: TemplateUser): TemplateUser {
  return { id, locale, timezone, attributes };
}

/** Everything that is wrong with a definition, each as a JSON Pointer and a rule; empty when it can be stored. */
export function checkDefinition(definition: Definition): FieldProblem[] {
  const refused = unstorable(definition);
  if (refused) return [{ field: refused.path, rule: refused.why }];
  const problems = checkVariables(definition.variables);
  const complaint = checkLocale(definition.defaultLocale);
  if (complaint) problems.push({ field: '/defaultLocale', rule: complaint });
  const fragments = textsOf(definition.fragments);
  for (const channel of CHANNELS) problems.push(...checkChannel(channel, definition, fragments));
  return problems;
}

function checkChannel(channel: Channel, definition: Definition, fragments: FragmentTexts): FieldProblem[] {
  const locales = definition.channels[channel];
  if (!locales) return [];
  const problems = Object.entries(locales).flatMap(([locale, source]): FieldProblem[] => {
    const field = `/channels/${channel}/${locale}`;
    const complaint = checkLocale(locale);
    if (complaint) return [{ field, rule: complaint }];
    const missing = missingText(channel, source);
    if (missing) return [{ field, rule: `must have ${missing}` }];
    const overrides = Object.entries(source.platforms ?? {}).map(
      ([platform, override]) => [`/platforms/${platform}`, override] as const,
    );
    return [['', source] as const, ...overrides].flatMap(([at, content]) =>
      compileContent(channel, content, fragments).problems.map((problem) => ({
        field: `${field}${at}${problem.field}`,
        rule: problem.rule,
      })),
    );
  });
  const defaults = defaultsOf(definition);
  if (!defaults.some((locale) => Object.hasOwn(locales, locale))) {
    const wanted = defaults.map((locale) => `"${locale}"`).join(' or ');
    problems.push({ field: `/channels/${channel}`, rule: `must have the default locale ${wanted}` });
  }
  return problems;
}
