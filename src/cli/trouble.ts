import { ConfigError } from '../config/index.ts';
import { FolderInUseError } from '../store/index.ts';

/** What a person at the terminal can do about an error: one paragraph. */
export function describeTrouble(error: unknown): string {
  if (error instanceof ConfigError) {
    const lines = error.problems.map((problem) => `  - ${problem}`).join('\n');
    return `The settings are not right:\n${lines}\nAll settings are in docs/configuration.md.`;
  }
  if (error instanceof FolderInUseError) return error.message;
  const { code, message, port, address } = error as NodeJS.ErrnoException & {
    port?: number;
    address?: string;
  };
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} is taken by another program. Stop that one, or choose another port: BELLHOP_PORT=3001 npm start (0 takes any free one).`;
    case 'EACCES':
      return port
        ? `This user may not listen on port ${port}. Choose one above 1024 with BELLHOP_PORT.`
        : `A file or folder may not be written: ${message}. Choose another data folder with BELLHOP_DATA_DIR, or mend the rights.`;
    case 'EADDRNOTAVAIL':
      return `This machine has no address ${address}. Set BELLHOP_HOST to 127.0.0.1 (this machine only) or 0.0.0.0 (all networks).`;
    case 'ENOSPC':
      return `The disk is full (${message}). Free some space and start again; nothing that was accepted is lost.`;
    case 'ECONNREFUSED':
      return `Nothing answers at ${address ?? 'the address'}:${port ?? ''}. Is it running, and is the address right (DATABASE_URL, or --url)?`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `The host name in DATABASE_URL (or --url) does not resolve: ${message}.`;
    case '28P01':
    case '28000':
      return `PostgreSQL refused the login of DATABASE_URL: ${message}.`;
    case '3D000':
      return `The database in DATABASE_URL does not exist: ${message}. Create it first (createdb bellhop).`;
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
