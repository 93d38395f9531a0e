/** A process of its own that prepares a dataset, to be killed: options come as JSON in the first argument. */
import { prepareWith } from "../prepare/prepare.ts";

const { options, workerFile, pieceLength } = JSON.parse(process.argv[2]!);
const result = await prepareWith(
  { ...options, onProgress: ({ documents }) => process.stdout.write(`${documents}\n`) },
  { workerFile: new URL(workerFile), pieceLength, journalMilliseconds: 0 },
);
process.stdout.write(`done ${JSON.stringify({ resumed: result.resumed })}\n`);
