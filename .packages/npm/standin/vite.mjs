import standin from './vite.js';

export { standin };
export default standin;
