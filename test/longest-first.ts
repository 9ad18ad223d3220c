import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * What waits longest, longest first; whole folders end in a slash. Begun last, such a file would run alone at the end, while
 * other processors have nothing to do; and what depends on real time is through before the others fill the machine.
 */
const LONGEST = [
  'test/stand/site-change',
  'test/faults/io',
  'test/e2e/sandbox-faults',
  'test/e2e/safe-stop',
  'test/e2e/kill',
  'test/e2e/one-charge',
  'test/power/rush-hour',
  'test/storage/',
  'test/stand/',
  'test/faults/',
  'test/clock/',
  'test/sim/sim',
  'test/line/',
  'test/torture/',
  'test/e2e/',
  'test/sync/',
  'test/store/',
  'edge/link/',
  'hardware-sim/line/',
];

/** The order in which files are begun, the same on a machine that has never run them. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId, project }: TestSpecification) => {
      const path = relative(project.config.root, moduleId);
      const at = LONGEST.findIndex((start) => path.startsWith(start));
      return at === -1 ? LONGEST.length : at;
    };
    // The usual order keeps projects together, and stands where the list says nothing.
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}
