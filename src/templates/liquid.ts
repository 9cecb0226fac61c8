import {
  Context,
  type Emitter,
  filters,
  Liquid,
  LiquidError,
  tags as libraryTags,
  type Tag,
  type Template,
} from 'liquidjs';

/** What the texts of one message are rendered with: their values, and limits they share. */
export interface Scope {
  values: Record<string, unknown>;
  /** What fragments see besides what they are given. */
  globals: Record<string, unknown>;
  limits: Pick<Context, 'memoryLimit' | 'renderLimit'>;
}

/** How values are written into a text: as they are, or escaped for HTML. */
export type Flavour = 'plain' | 'html';

/** The texts that a text may put in with `render`, by id. The same object stands for the same fragments. */
export type FragmentTexts = Readonly<Record<string, string>>;

export interface ParsedText {
  render(scope: Scope): { text: string } | { problem: string };
}

const PARSE_LIMIT_CHARACTERS = 600_000;
// liquidjs shifts its tokens off an array: 100,000 of them take seconds, 5,000 a few milliseconds.
const MAX_TAGS = 5_000;
const MAX_NESTING = 50;
/** Characters that a message may write, copy or pass through filters. Counted: the limit is the same on every machine. */
const MEMORY_LIMIT = 2_000_000;
/** What entering a block (a turn of a loop, a branch) costs of it. */
const BLOCK_COST = 25;
/** The net below the counted limits. */
const RENDER_LIMIT_MS = 1_000;

// Lists of what may be used, so that an update of the library adds nothing by itself. Left out: what reads files
// (include, layout, block), parses its argument as a template (where_exp …), or is not pure (sample).
const TAGS =
  'assign break capture case comment continue cycle decrement echo for if increment liquid raw render tablerow unless #';
const FILTERS =
  'abs append array_to_sentence_string at_least at_most base64_decode base64_encode capitalize ceil compact concat ' +
  'date default divided_by downcase escape escape_once find find_index first floor group_by has join json last ' +
  'lstrip map minus modulo newline_to_br normalize_whitespace plus prepend reject remove remove_first remove_last ' +
  'replace replace_first replace_last reverse round rstrip sha256 size slice sort sort_natural split squish strip ' +
  'strip_html strip_newlines sum times to_integer truncate truncatewords uniq upcase url_decode url_encode where';

const NO_FRAGMENTS: FragmentTexts = Object.freeze({});
const MAX_FRAGMENTS = 50;
const engines = new WeakMap<FragmentTexts, Record<Flavour, Liquid>>();

/** `globals` reach fragments, too; `values` only those they are given to. */
export function createScope(values: Record<string, unknown>, globals: Record<string, unknown> = {}): Scope {
  const { memoryLimit, renderLimit } = new Context({}, enginesFor(NO_FRAGMENTS).plain.options);
  return { values, globals, limits: { memoryLimit, renderLimit } };
}

/** Parses one text; what is wrong with it names Liquid's line. */
export function parseText(
  source: string,
  flavour: Flavour,
  fragments: FragmentTexts = NO_FRAGMENTS,
): { parsed: ParsedText } | { problem: string } {
  const tags = source.match(/\{[{%]/g)?.length ?? 0;
  if (tags === 0) return { parsed: { render: () => ({ text: source }) } };
  if (tags > MAX_TAGS) return { problem: `has more than ${MAX_TAGS} Liquid tags` };
  if (measureNesting(source) > MAX_NESTING) return { problem: `nests more than ${MAX_NESTING} blocks` };
  const engine = enginesFor(fragments)[flavour];
  try {
    const template = engine.parse(source);
    return { parsed: { render: (scope) => render(engine, template, scope) } };
  } catch (error) {
    return { problem: describe(error) };
  }
}

/** The names that a text reads and does not set itself, in its fragments too; none when it does not parse. */
export function readNames(source: string, fragments: FragmentTexts = NO_FRAGMENTS): string[] {
  if (!/\{[{%]/.test(source)) return [];
  try {
    const { plain } = enginesFor(fragments);
    return plain.globalVariablesSync(plain.parse(source));
  } catch {
    return [];
  }
}

function render(liquid: Liquid, template: Template[], scope: Scope): { text: string } | { problem: string } {
  try {
    // A copy, as increment writes into it; without a prototype, so that `__proto__` is a name like any other.
    const values = Object.assign(Object.create(null), scope.values);
    const globals = Object.assign(Object.create(null), scope.globals);
    const context = new Context(values, liquid.options, { sync: true, globals }, { ...scope.limits, liquid });
    return { text: String(liquid.renderSync(template, context)) };
  } catch (error) {
    return { problem: describe(error) };
  }
}

function enginesFor(fragments: FragmentTexts): Record<Flavour, Liquid> {
  const known = engines.get(fragments);
  if (known) return known;
  const made = { plain: createEngine('plain', fragments), html: createEngine('html', fragments) };
  engines.set(fragments, made);
  return made;
}

function createEngine(flavour: Flavour, fragments: FragmentTexts): Liquid {
  const engine = new Liquid({
    ownPropertyOnly: true,
    strictFilters: true,
    strictVariables: false,
    templates: fragments,
    cache: MAX_FRAGMENTS,
    relativeReference: false,
    globals: Object.create(null),
    parseLimit: PARSE_LIMIT_CHARACTERS,
    renderLimit: RENDER_LIMIT_MS,
    memoryLimit: MEMORY_LIMIT,
    timezoneOffset: 0,
    locale: 'en-US',
    ...(flavour === 'html' ? { outputEscape: 'escape' as const } : {}),
  });
  keepOnly(engine.tags, TAGS);
  keepOnly(engine.filters, FILTERS);
  engine.registerFilter('date', pureDate);
  if (flavour === 'html') registerEscapingFilters(engine);
  engine.registerTag('render', renderTagOf(fragments));
  chargeForOutput(engine);
  return engine;
}

// The library types it as any tag, of which there would be nothing to call.
const RenderTag = libraryTags.render as unknown as new (
  ...args: ConstructorParameters<NonNullable<typeof libraryTags.render>>
) => Tag & { file: unknown; render: Tag['render'] };

/** The library's, but for the names of fragments: they are written out, so that it is known before what they put in. */
function renderTagOf(fragments: FragmentTexts): typeof RenderTag {
  return class extends RenderTag {
    constructor(...args: ConstructorParameters<typeof RenderTag>) {
      super(...args);
      const id = this.file;
      if (typeof id !== 'string') throw new Error('render takes the id of a fragment between quotes');
      if (!Object.hasOwn(fragments, id)) throw new Error(`there is no fragment "${id}"`);
    }
  };
}

function keepOnly(registered: object, names: string): void {
  const kept = new Set(names.split(' '));
  for (const name of Object.keys(registered)) {
    if (!kept.has(name)) delete (registered as Record<string, unknown>)[name];
  }
}

/** Rendering twice gives the same text, so the present moment is not known here. */
function pureDate(this: unknown, value: unknown, ...args: unknown[]): unknown {
  if (value === 'now' || value === 'today') throw new Error(`date does not know "${value}": pass a variable`);
  return library('date').call(this, value, ...args);
}

/** In HTML these write markup or have escaped already; escaping their output again would show `&amp;lt;`. */
function registerEscapingFilters(engine: Liquid): void {
  const escapeOnce = library('escape_once');
  const lineBreaks = library('newline_to_br');
  engine.registerFilter('escape', { raw: true, handler: library('escape') });
  engine.registerFilter('escape_once', { raw: true, handler: escapeOnce });
  engine.registerFilter('newline_to_br', {
    raw: true,
    handler(this: unknown, value: unknown) {
      return lineBreaks.call(this, escapeOnce.call(this, value));
    },
  } as Parameters<Liquid['registerFilter']>[1]);
}

type Filter = (this: unknown, ...args: unknown[]) => unknown;

function library(name: string): Filter {
  return (filters as unknown as Record<string, Filter>)[name]!;
}

/**
 * liquidjs counts what filters make, not what is written nor how often a loop turns: a few nested captures would
 * double a text to hundreds of megabytes. Here both draw on the same limit.
 */
function chargeForOutput(engine: Liquid): void {
  const { renderer } = engine;
  const renderTemplates = renderer.renderTemplates.bind(renderer);
  renderer.renderTemplates = (templates: Template[], context: Context, emitter?: Emitter) => {
    context.memoryLimit.use(BLOCK_COST);
    return renderTemplates(templates, context, emitter ?? new ChargedEmitter(context));
  };
}

class ChargedEmitter {
  buffer = '';
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  write(value: unknown): void {
    const text = toText(value);
    this.#context.memoryLimit.use(text.length);
    this.buffer += text;
  }
}

function toText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return '';
  return Array.isArray(value) ? value.map(toText).join('') : String(value);
}

/** How deep blocks nest, from their tags alone, so that the recursive parser is never asked for more. */
function measureNesting(source: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [, end] of source.matchAll(/\{%-?\s*(end)?(?:if|unless|for|case|capture|tablerow)\b/g)) {
    depth += end ? -1 : 1;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

function describe(error: unknown): string {
  if (!LiquidError.is(error)) return (error as Error).message;
  const [line] = error.token.getPosition();
  const reason = error.message.replace(/(?:, line:\d+, col:\d+)+$/, '');
  const { file } = error.token;
  return `${reason} (line ${line}${file ? ` of the fragment "${file}"` : ''})`;
}
