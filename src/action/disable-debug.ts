/** Imported first: with DEBUG set, ali-oss would print its request headers, which hold signature and token. */
delete process.env.DEBUG;
