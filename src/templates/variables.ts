import type { FieldProblem } from '../http/index.ts';
import type { Variables } from './definition.ts';

export const VARIABLE_TYPES = ['string', 'number', 'boolean', 'object', 'array'] as const;
export type VariableType = (typeof VARIABLE_TYPES)[number];

// What stands in the scope besides the variables, and names that mean something to JavaScript.
const RESERVED = new Set(['user', '__proto__', 'constructor', 'prototype']);

/** What is wrong with the declarations of a template. */
export function checkDeclarations(variables: Variables): FieldProblem[] {
  return Object.entries(variables).flatMap(([name, { type, default: value }]) => {
    const field = `/variables/${name}`;
    if (RESERVED.has(name)) return [{ field, rule: 'is a reserved name' }];
    if (value === undefined || isOfType(value, type)) return [];
    return [{ field: `${field}/default`, rule: `must be of the type "${type}"` }];
  });
}

/** The values a template renders with: what was given, checked against the declarations, and their defaults. */
export function resolveVariables(
  declared: Variables,
  given: Record<string, unknown>,
): { values: Record<string, unknown> } | { problem: string } {
  const values: Record<string, unknown> = Object.assign(Object.create(null), given);
  for (const [name, { type, required, default: fallback }] of Object.entries(declared)) {
    const value = values[name] ?? fallback;
    if (value === undefined || value === null) {
      if (required) return { problem: `the variable "${name}" is required` };
    } else if (!isOfType(value, type)) {
      return { problem: `the variable "${name}" must be of the type "${type}"` };
    }
    if (value !== undefined) values[name] = value;
  }
  return { values };
}

function isOfType(value: unknown, type: VariableType): boolean {
  switch (type) {
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'number':
      return Number.isFinite(value);
    case 'string':
    case 'boolean':
      return typeof value === type;
  }
}
