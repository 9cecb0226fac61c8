import { run } from './cli/index.ts';

// Everything a command opened is closed by now; what a library still holds (a timer, a socket) must not keep us.
process.exit(await run(process.argv.slice(2)));
