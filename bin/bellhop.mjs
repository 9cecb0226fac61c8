#!/usr/bin/env node
import './require-runtime.mjs';

await import('../src/main.ts');
