/**
 * Leaves out user and password within addresses. It looks back from the colon by one sign only: a text may hold words of
 * many thousands.
 */
export const withoutSecrets = (text: string): string => text.replace(/([\w+.-]:\/\/)[^/@\s"]*@/g, '$1***@');
