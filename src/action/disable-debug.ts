/** Before any other import: ali-oss would print the headers of its requests, signature and token included. */
delete process.env.DEBUG;
