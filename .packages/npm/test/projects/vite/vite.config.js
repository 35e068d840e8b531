import { defineConfig } from 'vite';
import standin from 'standin/vite';

export default defineConfig({ plugins: [standin()], server: { host: '127.0.0.1', port: 4174, strictPort: true } });
