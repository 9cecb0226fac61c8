#!/usr/bin/env node
import module from 'node:module';
import './require-runtime.mjs';

// The second start finds the types stripped and the code compiled already.
module.enableCompileCache?.();
await import('../src/main.ts');
