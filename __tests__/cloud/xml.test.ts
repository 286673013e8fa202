import { describe, expect, it } from 'vitest';
import { plainXml, textIn } from '../../src/cloud/xml.ts';

const plain = (text: string): string => plainXml(Buffer.from(text)).toString();

describe('XML in one spelling', () => {
  it.each([
    ['as OSS writes it', '<?xml version="1.0" encoding="UTF-8"?>\n<A><B>x</B><C></C></A>'],
    ['after white space and a byte order mark', ' \r\n\uFEFF<A><B>x</B><C></C></A>'],
    ['with layout', '<A>\r\n  <B>x</B>\r\n  <C>\r\n  </C>\r\n</A>'],
    ['with a default namespace and attributes', '<A xmlns="http://x/y"><B type="string">x</B><C a=\'1\'></C></A>'],
    ['with prefixes', '<o:A xmlns:o="http://x/y"><o:B>x</o:B><o:C></o:C></o:A>'],
    ['with comments and CDATA', '<A><!-- <B>y</B> --><B><![CDATA[x]]></B><C></C></A>'],
  ])('%s', (_, text) => {
    expect(plain(text)).toBe('<A><B>x</B><C></C></A>');
  });

  it('keeps empty elements, entities and texts with space', () => {
    expect(plain('<A><B /><C/><D> a&amp;b </D></A>')).toBe('<A><B/><C/><D> a&amp;b </D></A>');
  });

  it('leaves other bodies alone', () => {
    for (const text of ['', '{"a": 1}', 'no <a b="c">XML</a>']) expect(plain(text)).toBe(text);
  });

  it.each(['<E>&quot;A&amp;B&quot;</E>', '<E>&#34;A&#x26;B&#x22;</E>', '<e:E><![CDATA["A&B"]]></e:E>'])(
    'gives the text of an element: %s',
    (text) => {
      expect(textIn(plainXml(Buffer.from(text)), 'E')).toBe('"A&B"');
    },
  );
});
