//! The pet shop that tests of `standin proxy` share: its document, and a proxy of it.

use crate::program::{Folder, standin};
use crate::server::Server;

const PETS: &str = r"
openapi: 3.1.0
info: {title: Pets, version: '1'}
paths:
  /pets:
    get:
      operationId: listPets
      parameters: [{name: limit, in: query, schema: {type: integer}}]
      responses:
        '200': {description: ok, content: {application/json: {schema: {type: array, items: {$ref: '#/components/schemas/Pet'}}}}}
    post:
      operationId: createPet
      requestBody: {content: {application/json: {schema: {type: object, required: [name], properties: {name: {type: string}}}}}}
      responses:
        '201': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
        '400': {description: wrong, content: {application/json: {schema: {type: object, properties: {error: {type: string}}}}}}
  /pets/{id}:
    get:
      operationId: getPet
      parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
      responses:
        '200':
          description: ok
          headers: {X-Rate: {required: true, schema: {type: integer}}}
          content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}, example: {id: 9, name: Sandbox}}}
        '404': {description: none}
components: {schemas: {Pet: {type: object, required: [id], properties: {id: {type: integer}, name: {type: string}}}}}
";

pub(crate) fn folder(name: &str) -> Folder {
    Folder::new(name).with("specs/pets.yaml", PETS)
}

/// Starts a proxy on a free port.
pub(crate) fn proxy(folder: &Folder, url: &str, options: &[&str]) -> Server {
    let arguments = [&["proxy", url, "specs", "--port", "0"][..], options].concat();
    Server::start(standin(&folder.0, &arguments))
}

/// An answer with JSON content.
pub(crate) fn json(status: &str, content: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: {}\r\n\r\n{content}",
        content.len()
    )
}
