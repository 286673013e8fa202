import './action/quiet.ts';
import { start } from './action/start.ts';

void start();
