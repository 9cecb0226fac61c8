import buildSerializers from '@fastify/fast-json-stringify-compiler';
import type { FastifySerializerCompiler } from 'fastify';

/**
 * Fastify's own serializers, which write only what the schema of an answer has, but compiled when the first answer of a kind
 * is given: with a schema for each status of each route they are most of what a start would otherwise compile.
 */
export function createSerializerCompiler(): FastifySerializerCompiler<unknown> {
  const compile = buildSerializers()();
  return (route) => {
    let serialize: ReturnType<typeof compile> | undefined;
    return (data) => {
      serialize ??= compile(route as Parameters<typeof compile>[0]);
      return serialize(data);
    };
  };
}
