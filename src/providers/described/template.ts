import { type Expression, evaluate, type Lookup, parseExpression, pathsOf } from './expression.ts';
import { toText } from './filters.ts';
import type { Reader } from './reader.ts';
import { checkPath } from './scope.ts';

/** A text with expressions in double braces, read once. */
export interface Template {
  parts: (string | Expression)[];
  /** Whether a secret may be in what it gives. */
  isSecret: boolean;
}

export function compileTemplate(source: string, reader: Reader): Template {
  // What is between braces stands at the odd places.
  const pieces = source.split(/\{\{([^{}]*)\}\}/);
  const expressions = pieces.filter((_, i) => i % 2 === 1);
  if (pieces.some((piece, i) => i % 2 === 0 && /\{\{|\}\}|\{%/.test(piece)))
    reader.refuse('must close each {{ with }}, and has no {% %}');
  const parts = pieces.flatMap((piece, i): (string | Expression)[] => {
    if (i % 2 === 0) return piece === '' ? [] : [piece];
    const parsed = parseExpression(piece);
    if ('expression' in parsed) return [parsed.expression];
    // Not the text itself: somebody may have written a key into it.
    reader.refuse(`{{ }} number ${(i + 1) / 2} ${parsed.problem}`);
    return [];
  });
  const paths = parts.flatMap((part) => (typeof part === 'string' ? [] : pathsOf(part)));
  for (const path of paths) {
    const problem = checkPath(path, reader.secretNames);
    if (problem) reader.refuse(problem);
  }
  return { parts, isSecret: expressions.length > 0 && paths.some(([root]) => root === 'secret') };
}

/** The text, with each value written as `write` says. */
export function renderText({ parts }: Template, lookup: Lookup, write = (text: string) => text): string {
  return parts
    .map((part) => (typeof part === 'string' ? part : write(toText(evaluate(part, lookup)))))
    .join('');
}

/** A template that is one expression gives its value as it is: a number stays one, and undefined leaves its place out. */
export function renderValue(template: Template, lookup: Lookup): unknown {
  const [only, ...others] = template.parts;
  if (only !== undefined && typeof only !== 'string' && others.length === 0)
    return evaluate(only, lookup) ?? undefined;
  return renderText(template, lookup);
}
