import { writeFileSync } from 'node:fs';
import { errorPage, errorPageFile } from './errors/error-page.ts';

/** Writes the page of errors. */
writeFileSync(errorPageFile, errorPage());
