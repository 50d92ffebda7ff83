// node provider.mjs PORT KEYS-FILE: an OpenID provider that gives access tokens (RFC 9068) for client credentials.
// KEYS-FILE: a JWK Set with private keys; the first signs.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [port, keys] = process.argv.slice(2);
const { default: Provider } = await import(
  pathToFileURL(createRequire(`${process.cwd()}/`).resolve("oidc-provider")).href);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  jwks: JSON.parse(readFileSync(keys)),
  clients: [{ client_id: "machine", client_secret: "known-to-the-test", grant_types: ["client_credentials"],
              redirect_uris: [], response_types: [], id_token_signed_response_alg: "ES256" }],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => "https://orders.example",
      getResourceServerInfo: () => ({ scope: "orders:read", audience: "orders", accessTokenFormat: "jwt",
                                      accessTokenTTL: 600, jwt: { sign: { alg: "ES256" } } }),
    },
  },
  scopes: ["orders:read"],
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
