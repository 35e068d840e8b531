import standin = require('./vite.js');

export { standin };
export default standin;
