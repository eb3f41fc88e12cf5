/** http-get URL [METHOD]: prints the status on a line, then the body. */
const [url = '', method = 'GET'] = process.argv.slice(2);
const response = await fetch(url, { method });
process.stdout.write(`${response.status}\n${await response.text()}`);
