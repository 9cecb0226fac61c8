// Runs on any Node from 20 up: says clearly what to do when the runtime that `npm ci` brings is not in use.
const REQUIRED_MAJOR = 26;
const major = Number(process.versions.node.split('.')[0]);
if (major < REQUIRED_MAJOR) {
  console.error(
    `Bellhop runs on Node ${REQUIRED_MAJOR}, and this is Node ${process.versions.node} (${process.execPath}).\n` +
      'Nothing needs to be installed on the machine: `npm ci` brings the right one along. Start Bellhop through npm\n' +
      '(`npm start`, `npm test`, `npx bellhop …`), or call that runtime directly: node_modules/.bin/node bin/bellhop.mjs start',
  );
  process.exit(1);
}
