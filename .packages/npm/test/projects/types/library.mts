import standinSetup, { globalSetup } from 'standin/vitest/global-setup';
import standinVite from 'standin/vite';
import { ControlError, connect, start, type Sandbox } from 'standin';

await using server = await start({ documents: ['a.yaml', { openapi: '3.1.0' }, new URL('https://example.com/a.yaml')], state: true, report: { junit: 'a.xml' } });
const sandbox: Sandbox = server.session('a');
await using added = await sandbox.fixtures({ createPet: [{ status: 503, times: 1 }] });
const ids: number[] = added.fixtures.map(({ id }) => id);
await sandbox.verify('createPet', { body: { name: 'Rex' }, times: 1 });
await sandbox.verify({ sequence: [{ operation: 'createPet' }] });
const pets = await sandbox.state.list<{ name: string }>('pets', { limit: 3 });
const name: string | undefined = pets[0]?.name;
const status: number = (await sandbox.received({ status: '4XX' }))[0].response.status;
const { code } = await server.stop();
try { await connect(server.url).reload(); } catch (error) { if (error instanceof ControlError) console.log(error.problem?.detail); }
// @ts-expect-error an option that there is not
await start({ document: 'a.yaml' });
console.log(ids, name, status, code, standinSetup, globalSetup({ seed: 7 }), standinVite({ path: { '/a': '/b' } }));
