import { isPilegateError } from '#shared/errors.ts';
import { loadSite } from '../config/site.ts';
import { IdentityFolder } from '../link/identity/identity-folder.ts';

/**
 * Leaves a claim code for the edge, which exchanges it as soon as it reaches the cloud.
 *
 * @param typed what came from the terminal or a pipe
 */
export function leaveClaim(siteFile: string, typed: string): { readonly isGood: boolean; readonly text: string } {
  try {
    const { siteId, dataDir, cloud } = loadSite(siteFile);
    const code = typed.trim();
    if (cloud.identity === undefined) return { isGood: false, text: 'the site file has no cloud.identity' };
    if (!/^[0-9A-Za-z -]{20,40}$/.test(code))
      return { isGood: false, text: 'that is no claim code: XXXXX-XXXXX-XXXXX-XXXXX' };
    new IdentityFolder(dataDir).putClaim(code);
    return {
      isGood: true,
      text: `the edge of ${siteId} exchanges the code at ${cloud.identity.claimUrl} as soon as it runs and reaches it`,
    };
  } catch (error) {
    if (!isPilegateError(error)) throw error;
    return { isGood: false, text: error.detail };
  }
}
