import './action/disable-debug.ts';
import { start } from './action/start.ts';

void start();
