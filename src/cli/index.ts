import { COMMANDS, printHelp } from './commands.ts';
import { describeTrouble } from './trouble.ts';
import { UsageError } from './usage.ts';

/** Runs one command of `bellhop` and returns the exit code. Expected troubles are one paragraph, never a stack. */
export async function run(args: string[]): Promise<number> {
  const [name = 'help', ...rest] = args;
  if (['help', '--help', '-h'].includes(name)) {
    printHelp();
    return 0;
  }
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (!command) {
    console.error(`There is no command "${name}". \`bellhop help\` lists them.`);
    return 2;
  }
  if (rest.includes('--help') || rest.includes('-h')) {
    console.log(`bellhop ${command.usage}\n\n${command.summary}`);
    return 0;
  }
  try {
    const execute = await command.load();
    return await execute(rest);
  } catch (error) {
    if (error instanceof UsageError || isArgumentError(error)) {
      console.error(`${(error as Error).message}\nUsage: bellhop ${command.usage}`);
      return 2;
    }
    console.error(describeTrouble(error));
    return 1;
  }
}

function isArgumentError(error: unknown): boolean {
  return String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS');
}
