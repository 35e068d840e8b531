import standin from './index.js';

export const { start, connect, binaryPath, Sandbox, Server, StartError, ControlError, VerificationError } = standin;
export default standin;
