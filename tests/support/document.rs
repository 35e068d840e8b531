//! The document that tests of the command line share: `GET /a` has an example, `PUT /a` a schema.

pub(crate) const DOCUMENT: &str = "openapi: 3.0.0
info: {title: t, version: '1'}
paths:
  /a:
    get:
      operationId: get-a
      responses:
        '200':
          description: ok
          content:
            application/json:
              schema: {type: object, properties: {n: {type: integer}}, required: [n]}
              examples: {first: {value: {n: 1}}}
    put: {responses: {'200': {description: ok, content: {application/json: {schema: {type: integer}}}}}}
";
