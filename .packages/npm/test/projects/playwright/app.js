// The application: a page that calls the API at the address in its query.
const http = require('node:http');

http.createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'text/html' });
  response.end(`<form><input name="name"><button>Add</button></form><ul></ul><script>
    const api = new URLSearchParams(location.search).get('api');
    const show = async () => {
      const pets = await (await fetch(api + '/pets')).json();
      document.querySelector('ul').replaceChildren(...pets.map(({ name }) => Object.assign(document.createElement('li'), { textContent: name })));
    };
    document.querySelector('form').onsubmit = async (event) => {
      event.preventDefault();
      await fetch(api + '/pets', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name: document.querySelector('input').value }) });
      show();
    };
    show();
  </script>`);
}).listen(4173, '127.0.0.1');
