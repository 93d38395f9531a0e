/** Operating system errors in plain words, and whether an error is the user's to fix. */
export { describeSystemError, isUserError, type SystemErrorDescription } from "./system-error.ts";
